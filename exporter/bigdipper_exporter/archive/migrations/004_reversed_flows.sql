-- When the money of a deposit or withdrawal went back: the broker cancels the record days after it had moved the equity. The flow
-- counts where it was, and its reversal here; NULL while the record holds, and where no money moved.
ALTER TABLE activities ADD COLUMN reversed_at REAL;
