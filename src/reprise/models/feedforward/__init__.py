"""Networks without time: what recurrent models are compared with, and what papers on learning itself train."""
