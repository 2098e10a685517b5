"""How recurrent networks are trained, and what that makes of them."""
