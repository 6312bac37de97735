"""What the house does; it sees the world only through `bot/ports`."""
