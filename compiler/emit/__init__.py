"""Generated files: each module turns a resolved model into the text of one kind of artifact."""
