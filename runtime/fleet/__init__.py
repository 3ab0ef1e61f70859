"""All models of a folder on one page: what is known of each, and the page, the data and the table made from that."""
