ALTER TABLE fills ADD COLUMN "average_pl" REAL;
ALTER TABLE activities ADD COLUMN "realized_pl" REAL;
