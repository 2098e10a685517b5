"""Tables as people have them: CSV, TSV, Parquet, JSON lines, packed or not, read column by column."""
