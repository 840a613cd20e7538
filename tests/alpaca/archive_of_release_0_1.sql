BEGIN TRANSACTION;
CREATE TABLE account_history (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('log', 'alpaca')),
  cycle_number INTEGER,
  equity REAL,
  cash REAL,
  margin_ratio REAL,
  leverage_ratio REAL,
  margin_debt REAL,
  pl_dollar REAL,
  pl_percent REAL,
  market_status TEXT,
  last_equity REAL,
  buying_power REAL,
  long_market_value REAL,
  short_market_value REAL,
  initial_margin REAL,
  maintenance_margin REAL
);
INSERT INTO "account_history" VALUES(-1762365532461,1.76236553246061396597e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'regular',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762363729029,1.76236372902931022641e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'regular',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762361934737,1.7623619347368168831e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'regular',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762360153977,1.76236015397725582121e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'regular',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762358303497,1.76235830349748229979e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'regular',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762356553508,1.7623565535076465607e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'regular',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762354706839,1.76235470683920931816e+09,'2025-11-05','alpaca',NULL,60000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'regular',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762352870669,1.76235287066867160792e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762351065076,1.76235106507588696481e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762349251128,1.76234925112779307367e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762347496158,1.7623474961583280563e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762345675283,1.76234567528343725201e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762343844727,1.76234384472669672969e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762342079926,1.76234207992573380465e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762340277313,1.76234027731272315984e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762338494298,1.76233849429812026022e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762336737651,1.76233673765078377717e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762334895769,1.76233489576852679256e+09,'2025-11-05','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762333108431,1.76233310843089079856e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762331349526,1.76233134952601385118e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762329529282,1.76232952928243899338e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762327716290,1.76232771628993177418e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762325937438,1.76232593743792510026e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762324185826,1.76232418582550668718e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762322377507,1.76232237750744032862e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762320538028,1.76232053802794790269e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762318713711,1.76231871371089577672e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762316948715,1.76231694871541452402e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762315095812,1.76231509581162023537e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762313297228,1.76231329722805595393e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762311542478,1.76231154247846674917e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762309764621,1.76230976462075304982e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762307952177,1.76230795217671418187e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762306205937,1.7623062059372992515e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762304428085,1.76230442808450889582e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'closed',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762302676031,1.76230267603053498267e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762300902635,1.76230090263533806802e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762299056231,1.76229905623098516464e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762297246677,1.76229724667686700823e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762295413032,1.7622954130317733288e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762293565486,1.76229356548563289644e+09,'2025-11-04','alpaca',NULL,45000.0,15000.0,0.0,6.66666666666666629659e-01,0.0,0.0,0.0,'extended',35000.0,60000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762291777288,1.76229177728814768791e+09,'2025-11-04','alpaca',NULL,35000.0,5000.0,0.0,8.57142857142857095276e-01,0.0,0.0,0.0,'extended',35000.0,40000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762289984595,1.76228998459525585179e+09,'2025-11-04','alpaca',NULL,35000.0,5000.0,0.0,8.57142857142857095276e-01,0.0,0.0,0.0,'regular',35000.0,40000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762288226540,1.76228822653994393349e+09,'2025-11-04','alpaca',NULL,35000.0,5000.0,0.0,8.57142857142857095276e-01,0.0,0.0,0.0,'regular',35000.0,40000.0,30000.0,0.0,15000.0,9000.0);
INSERT INTO "account_history" VALUES(-1762286400000,1762286400.0,'2025-11-04','alpaca',NULL,35000.0,5000.0,0.0,8.57142857142857095276e-01,0.0,0.0,0.0,'regular',35000.0,40000.0,30000.0,0.0,15000.0,9000.0);
CREATE TABLE activities (
  activity_id TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  type TEXT NOT NULL,
  sub_type TEXT,
  symbol TEXT,
  quantity REAL,
  price REAL,
  net_amount REAL,
  status TEXT,
  description TEXT
) WITHOUT ROWID;
INSERT INTO "activities" VALUES('20251103000000000::d2bc9d5c-8f43-4dab-a88d-36f2037148b5',1762180260.0,'2025-11-03','CSD',NULL,NULL,NULL,NULL,35000.0,'executed','initial deposit');
INSERT INTO "activities" VALUES('20251104000000000::b4f25532-9624-459d-9222-ce6cb3e362a8',1762291800.0,'2025-11-04','CSD',NULL,NULL,NULL,NULL,10000.0,'executed','deposit');
CREATE TABLE bot_config (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts REAL NOT NULL,
  setting TEXT NOT NULL,
  value TEXT,
  previous TEXT
);
CREATE TABLE bot_config_findings (
  ts REAL NOT NULL,
  severity TEXT NOT NULL,
  setting TEXT NOT NULL,
  message TEXT NOT NULL
);
CREATE TABLE bot_events (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE TABLE brake_events (
  id INTEGER PRIMARY KEY,
  started REAL NOT NULL,
  ended REAL,
  date TEXT NOT NULL,
  duration_seconds REAL,
  cycles INTEGER NOT NULL,
  margin_ratio REAL,
  leverage_ratio REAL,
  peak_ratio REAL,
  margin_debt REAL,
  equity REAL,
  position_value REAL,
  reduce_usd REAL,
  missed_opportunities INTEGER NOT NULL,
  last_seen REAL NOT NULL
);
CREATE TABLE checkpoints (
  generation INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  head BLOB NOT NULL,
  tail BLOB NOT NULL,
  skipping INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  updated REAL NOT NULL
);
CREATE TABLE counters (
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, labels)
) WITHOUT ROWID;
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["account", "0.05"]',46.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["activities", "0.05"]',42.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["activities", "0.1"]',2.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["clock", "0.05"]',43.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["clock", "0.1"]',1.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["clock", "0.25"]',1.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["orders", "0.05"]',91.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["positions", "0.05"]',44.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_bucket','["positions", "0.1"]',1.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_sum','["account"]',3.83187031000488786958e-01);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_sum','["activities"]',5.1550083600068319356e-01);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_sum','["clock"]',4.49730522996105719357e-01);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_sum','["orders"]',7.12601353999161801766e-01);
INSERT INTO "counters" VALUES('bigdipper_alpaca_request_duration_seconds_sum','["positions"]',3.93914879999101685825e-01);
INSERT INTO "counters" VALUES('bigdipper_alpaca_requests_total','["account"]',46.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_requests_total','["activities"]',44.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_requests_total','["clock"]',45.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_requests_total','["orders"]',91.0);
INSERT INTO "counters" VALUES('bigdipper_alpaca_requests_total','["positions"]',45.0);
INSERT INTO "counters" VALUES('bigdipper_fill_value_usd_total','["AAPL", "buy"]',30000.0);
INSERT INTO "counters" VALUES('bigdipper_fills_total','["AAPL", "buy"]',1.0);
INSERT INTO "counters" VALUES('bigdipper_order_time_to_fill_seconds_bucket','["1.0"]',1.0);
INSERT INTO "counters" VALUES('bigdipper_orders_total','["filled"]',1.0);
CREATE TABLE daily_stats (
  date TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  trading_day INTEGER NOT NULL,
  cycles INTEGER NOT NULL DEFAULT 0,
  trades_count INTEGER NOT NULL DEFAULT 0,
  total_deployed REAL NOT NULL DEFAULT 0,
  equity_source TEXT,
  starting_equity REAL,
  ending_equity REAL,
  peak_equity REAL,
  trough_equity REAL,
  max_margin_ratio REAL,
  max_leverage_ratio REAL,
  brake_events INTEGER NOT NULL DEFAULT 0,
  brake_seconds REAL NOT NULL DEFAULT 0,
  missed_trades INTEGER NOT NULL DEFAULT 0,
  wash_trade_rejections INTEGER NOT NULL DEFAULT 0,
  opportunities INTEGER NOT NULL DEFAULT 0,
  fills_count INTEGER NOT NULL DEFAULT 0,
  realized_pl REAL,
  unrealized_change REAL,
  dividends REAL,
  fees REAL,
  interest REAL,
  cash_flow REAL,
  other REAL,
  return_ratio REAL,
  drawdown_ratio REAL
) WITHOUT ROWID;
INSERT INTO "daily_stats" VALUES('2025-11-03',1762160400.0,1,0,0,0.0,'alpaca',NULL,35000.0,NULL,NULL,NULL,NULL,0,0.0,0,0,0,1,0.0,NULL,0.0,0.0,0.0,35000.0,NULL,NULL,0.0);
INSERT INTO "daily_stats" VALUES('2025-11-04',1762246800.0,1,0,0,0.0,'alpaca',35000.0,35000.0,45000.0,35000.0,0.0,8.57142857142857095276e-01,0,0.0,0,0,0,0,0.0,NULL,0.0,0.0,0.0,0.0,NULL,0.0,-2.22222222222222320908e-01);
INSERT INTO "daily_stats" VALUES('2025-11-05',1762333200.0,1,0,0,0.0,'alpaca',35000.0,45000.0,45000.0,45000.0,0.0,6.66666666666666629659e-01,0,0.0,0,0,0,0,0.0,0.0,0.0,0.0,0.0,10000.0,0.0,0.0,-2.22222222222222320908e-01);
CREATE TABLE discrepancies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  kind TEXT NOT NULL,
  symbol TEXT,
  order_id TEXT,
  log_value REAL,
  broker_value REAL,
  detail TEXT NOT NULL,
  resolved REAL
);
CREATE TABLE fills (
  activity_id TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  quantity REAL NOT NULL,
  price REAL NOT NULL,
  value REAL NOT NULL,
  order_id TEXT,
  realized_pl REAL
) WITHOUT ROWID;
INSERT INTO "fills" VALUES('20251103093200000::55b1b78b-2b8d-4dd4-8935-be090e27005d',1762180320.0,'2025-11-03','AAPL','buy',300.0,100.0,30000.0,'27aabb97-af00-4b2d-87c6-0c2f065da1bc',NULL);
CREATE TABLE gaps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts REAL NOT NULL,
  generation INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE TABLE opportunities (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  symbol TEXT NOT NULL,
  dip_percent REAL,
  price REAL,
  score REAL,
  outcome TEXT NOT NULL,
  reason TEXT,
  threshold_percent REAL,
  volatility_factor REAL,
  size_factor REAL
);
CREATE TABLE orders (
  order_id TEXT PRIMARY KEY,
  client_order_id TEXT,
  symbol TEXT NOT NULL,
  side TEXT,
  type TEXT,
  quantity REAL,
  notional REAL,
  limit_price REAL,
  filled_quantity REAL,
  filled_avg_price REAL,
  status TEXT NOT NULL,
  date TEXT NOT NULL,
  submitted REAL NOT NULL,
  updated REAL,
  filled REAL,
  ended REAL,
  time_to_fill_seconds REAL,
  slippage_bps REAL,
  extended_hours INTEGER,
  replaced_by TEXT,
  in_log INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO "orders" VALUES('27aabb97-af00-4b2d-87c6-0c2f065da1bc','aa91fc00-cd84-42af-a7a3-d5c60688d287','AAPL','buy','market',300.0,NULL,NULL,300.0,100.0,'filled','2025-11-03',1762180320.0,1762180320.0,1762180320.0,1762180320.0,0.0,NULL,0,NULL,0);
CREATE TABLE position_snapshots (
  ts REAL NOT NULL,
  symbol TEXT NOT NULL,
  date TEXT NOT NULL,
  asset_class TEXT,
  quantity REAL,
  market_value REAL,
  cost_basis REAL,
  unrealized_pl REAL,
  unrealized_pl_pct REAL,
  intraday_pl REAL,
  avg_entry_price REAL,
  current_price REAL,
  PRIMARY KEY (symbol, ts)
) WITHOUT ROWID;
INSERT INTO "position_snapshots" VALUES(1762286400.0,'AAPL','2025-11-04','us_equity',300.0,30000.0,30000.0,0.0,0.0,0.0,100.0,100.0);
CREATE TABLE scans (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  found INTEGER NOT NULL,
  largest_dip_symbol TEXT,
  largest_dip_percent REAL
);
CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY,
  applied REAL NOT NULL,
  exporter TEXT NOT NULL
);
INSERT INTO "schema_version" VALUES(1,1.79572170521383476255e+09,'0.1.0');
CREATE TABLE sectors (symbol TEXT PRIMARY KEY, sector TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE skip_counts (
  hour INTEGER NOT NULL,
  symbol TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (hour, symbol, reason)
) WITHOUT ROWID;
CREATE TABLE skips (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  symbol TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  dip_percent REAL
);
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "state" VALUES('broker','{"account_id": "7894a605-c2a1-4910-84cd-3a941d732e1e", "created": 1762180260.0, "since": null, "balance_day": "2025-11-05", "latest_day": "2025-11-05", "orders_cursor": 1762180320.0, "orders_done": true, "activities_token": "20251103093200000::55b1b78b-2b8d-4dd4-8935-be090e27005d", "activities_done": true, "positions_at": 1762363729.0293102, "held": {"AAPL": [1762286400.0, 300.0, 30000.0]}, "baseline": {"AAPL": [1762363729.0293102, 300.0, 0]}, "differs": {}, "success": {"clock": 1762365457.5535805, "positions": 1762365532.460614, "account": 1762365532.460614, "orders": 1762365370.66789, "activities": 1762364018.3418767}}');
CREATE TABLE trades (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  symbol TEXT NOT NULL,
  quantity REAL NOT NULL,
  price REAL NOT NULL,
  total_value REAL NOT NULL,
  order_id TEXT
);
CREATE TABLE wash_sales (
  activity_id TEXT PRIMARY KEY,
  symbol TEXT NOT NULL,
  sold REAL NOT NULL,
  date TEXT NOT NULL,
  quantity REAL NOT NULL,
  loss REAL,
  window_end REAL NOT NULL,
  bought_before REAL NOT NULL,
  bought_after REAL NOT NULL,
  status TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX account_history_ts ON account_history (source, ts);
CREATE INDEX trades_ts ON trades (ts);
CREATE INDEX trades_order ON trades (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX skips_ts ON skips (ts);
CREATE INDEX opportunities_ts ON opportunities (ts);
CREATE INDEX opportunities_symbol_ts ON opportunities (symbol, ts);
CREATE INDEX brake_events_started ON brake_events (started);
CREATE INDEX bot_events_ts ON bot_events (kind, ts);
CREATE INDEX scans_ts ON scans (ts);
CREATE INDEX position_snapshots_ts ON position_snapshots (ts);
CREATE INDEX position_snapshots_closed ON position_snapshots (symbol, ts) WHERE quantity = 0;
CREATE INDEX orders_submitted ON orders (submitted);
CREATE INDEX orders_open ON orders (submitted) WHERE ended IS NULL;
CREATE INDEX fills_ts ON fills (ts);
CREATE INDEX fills_symbol ON fills (symbol, ts);
CREATE INDEX fills_order ON fills (order_id);
CREATE INDEX activities_ts ON activities (ts);
CREATE INDEX discrepancies_ts ON discrepancies (ts);
CREATE UNIQUE INDEX discrepancies_order ON discrepancies (kind, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX bot_config_setting ON bot_config (setting, id);
CREATE INDEX wash_sales_symbol ON wash_sales (symbol, sold);
DELETE FROM "sqlite_sequence";
COMMIT;
