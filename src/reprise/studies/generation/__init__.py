"""What a trained model does step by step: how it decodes, and what it learns while it reads."""
