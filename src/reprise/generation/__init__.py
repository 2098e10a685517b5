"""What a trained model does step by step: decoding, and learning while it reads."""
