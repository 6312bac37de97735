"""Pictures of what people see: those of the documents, and those that tests compare with."""
