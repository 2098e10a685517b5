"""What operations, layers and models cost here: beside what others need for the same, and what the machine allows."""
