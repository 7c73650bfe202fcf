"""How many tokens a text has, for models on the network: counted where the tokenizer is public, else estimated."""
