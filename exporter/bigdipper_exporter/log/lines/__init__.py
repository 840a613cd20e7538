"""Every kind of line, by subject: its event, the patterns that the bot prints it in, and its tag."""
