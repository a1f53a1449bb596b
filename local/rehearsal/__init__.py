"""`make rehearse`: the real template on an emulator of AWS, and the end-to-end suite against it."""
