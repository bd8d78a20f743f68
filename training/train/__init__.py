"""The training of a network: what it reads, what it minimises, and how it goes on."""
