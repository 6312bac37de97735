"""Messages of ours in Discord channels."""
