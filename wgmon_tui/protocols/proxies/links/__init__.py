"""Share links of proxy servers: records and parsers, without I/O."""
