"""The service in a page that looks like Discord, and the tour that plays its story."""
