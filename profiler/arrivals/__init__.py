"""When requests are due. Pure, and settled by the seed."""
