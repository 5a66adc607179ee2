-- +goose Up

-- What each day brought, by instrument, and the curve of equity. A day is a day of the exchange; a day without an event has no row.

CREATE TABLE daily_pnl_open (
    instrument       text COLLATE "C" NOT NULL,
    day              date    NOT NULL,
    realized_pnl     numeric NOT NULL,
    fees             numeric NOT NULL,
    net_pnl          numeric NOT NULL,
    lots_bought      bigint  NOT NULL,
    lots_sold        bigint  NOT NULL,
    positions_closed bigint  NOT NULL,
    PRIMARY KEY (instrument)
);

CREATE TABLE equity_curve_open (
    portfolio      text COLLATE "C" NOT NULL,
    day            date    NOT NULL,
    closed_equity  numeric NOT NULL,
    open_equity    numeric NOT NULL,
    blended_equity numeric NOT NULL,
    high_water     numeric NOT NULL,
    drawdown       numeric NOT NULL,
    realized_pnl   numeric NOT NULL,
    fees           numeric NOT NULL,
    unrealized_pnl numeric NOT NULL,
    capital_flows  numeric NOT NULL,
    margin_used    numeric NOT NULL,
    PRIMARY KEY (portfolio)
);

CREATE TABLE daily_pnl_closed (
    revision         bigint  NOT NULL,
    instrument       text COLLATE "C" NOT NULL,
    day              date    NOT NULL,
    realized_pnl     numeric NOT NULL,
    fees             numeric NOT NULL,
    net_pnl          numeric NOT NULL,
    lots_bought      bigint  NOT NULL,
    lots_sold        bigint  NOT NULL,
    positions_closed bigint  NOT NULL,
    PRIMARY KEY (revision, instrument)
);

CREATE TABLE equity_curve_closed (
    revision       bigint  NOT NULL,
    day            date    NOT NULL,
    closed_equity  numeric NOT NULL,
    open_equity    numeric NOT NULL,
    blended_equity numeric NOT NULL,
    high_water     numeric NOT NULL,
    drawdown       numeric NOT NULL,
    realized_pnl   numeric NOT NULL,
    fees           numeric NOT NULL,
    unrealized_pnl numeric NOT NULL,
    capital_flows  numeric NOT NULL,
    margin_used    numeric NOT NULL,
    PRIMARY KEY (revision)
);

CREATE INDEX daily_pnl_closed_instrument ON daily_pnl_closed (instrument, day);

COMMENT ON TABLE daily_pnl_open IS 'What the day that goes on has brought so far, by instrument. Amounts are rupees; realized_pnl is gross.';
COMMENT ON TABLE equity_curve_open IS 'Equity on the day that goes on. realized_pnl, fees and capital_flows are since the beginning.';
COMMENT ON TABLE daily_pnl_closed IS 'What each day brought that is over, by instrument. Only added to.';
COMMENT ON TABLE equity_curve_closed IS 'Equity at the end of each day that is over. Only added to.';

CREATE VIEW daily_pnl AS
SELECT day, instrument, realized_pnl, fees, net_pnl, lots_bought, lots_sold, positions_closed FROM daily_pnl_closed
UNION ALL
SELECT day, instrument, realized_pnl, fees, net_pnl, lots_bought, lots_sold, positions_closed FROM daily_pnl_open;

COMMENT ON VIEW daily_pnl IS 'What each day brought, today included.';

CREATE VIEW equity_curve AS
SELECT day, closed_equity, open_equity, blended_equity, high_water, drawdown, realized_pnl, fees, unrealized_pnl, capital_flows, margin_used
FROM equity_curve_closed
UNION ALL
SELECT day, closed_equity, open_equity, blended_equity, high_water, drawdown, realized_pnl, fees, unrealized_pnl, capital_flows, margin_used
FROM equity_curve_open;

COMMENT ON VIEW equity_curve IS 'Equity at the end of each day, and now.';

-- +goose Down

DROP VIEW equity_curve, daily_pnl;
DROP TABLE equity_curve_closed, daily_pnl_closed, equity_curve_open, daily_pnl_open;
