"""Reads back what a picture shows, to say in numbers how far the model follows its prompts."""
