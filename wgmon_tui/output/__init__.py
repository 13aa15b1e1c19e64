"""Output formats: tables, JSON, CSV, pcapng, Prometheus, plugin lines and incident reports."""
