"""What a comparison found, in numbers and in words."""
