"""From a table to series: which column is what, which rows belong together, which clock they keep."""
