"""Trains the model that ships: autoencoder, tokenizer, text encoder and UNet, upscaler, and their export."""
