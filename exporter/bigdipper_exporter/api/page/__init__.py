"""The page /config: the bot's settings, changed by a person who has logged in. Off unless bot.config-editable is true."""
