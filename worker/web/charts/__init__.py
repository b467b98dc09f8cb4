"""Charts: where each thing of a picture stands, without a word of markup. Templates draw them."""
