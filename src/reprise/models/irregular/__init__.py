"""Models of irregular series: each way of seeing one behind the same interface."""
