"""Files that list proxy servers: links, Clash, sing-box and Xray, without I/O."""
