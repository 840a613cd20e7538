-- Who changed a setting, where `bot-config` or the page of the API did; NULL: it was changed by other means.
ALTER TABLE bot_config ADD COLUMN author TEXT;
