-- The tables of a snapshot. projections/tables declares them; a test holds this file and that declaration against each other.
--
-- No foreign key, no CHECK, no enumeration, and text instead of varchar(n): a projection has no say in what happened, and a status
-- that a table does not know must not stop the exit that brought it. What is wrong here is found by comparing with the log.
--
-- Texts compare byte by byte (COLLATE "C"): their order is that of the log's fold on every machine, and an upgrade of the system's
-- locales cannot leave an index in a wrong order. Texts that only people look for have hash indexes, which take any length.
--
-- Names stand without a schema: the tables are made in the first schema of the connection's search_path.

-- +goose Up

CREATE TABLE head (
    one            boolean          PRIMARY KEY DEFAULT true,
    stream         text COLLATE "C" NOT NULL,
    revision       bigint           NOT NULL,
    event_hash     text COLLATE "C" NOT NULL,
    schema_version bigint           NOT NULL,
    fold_version   bigint           NOT NULL,
    tables_hash    text COLLATE "C" NOT NULL
);

COMMENT ON TABLE head IS 'One row: what all other tables were folded from. Written in the same transaction as they.';
COMMENT ON COLUMN head.one IS 'Always true: the key that lets only one row stand here.';
COMMENT ON COLUMN head.revision IS 'Revision of the last event folded; the first is 0.';
COMMENT ON COLUMN head.tables_hash IS 'SHA-256 over all tables; empty while a version is being built.';

CREATE TABLE portfolio_state (
    portfolio                text COLLATE "C" NOT NULL,
    currency                 text COLLATE "C" NOT NULL,
    demo                     boolean          NOT NULL,
    equity                   numeric          NOT NULL,
    closed_equity            numeric          NOT NULL,
    open_equity              numeric          NOT NULL,
    blended_equity           numeric          NOT NULL,
    high_water               numeric          NOT NULL,
    capital_flows            numeric          NOT NULL,
    realized_pnl             numeric          NOT NULL,
    unrealized_pnl           numeric          NOT NULL,
    fees                     numeric          NOT NULL,
    total_risk_amount        numeric          NOT NULL,
    total_risk_percent       numeric          NOT NULL,
    total_volatility_amount  numeric          NOT NULL,
    total_volatility_percent numeric          NOT NULL,
    margin_used              numeric          NOT NULL,
    margin_used_percent      numeric          NOT NULL,
    margin_available         numeric          NOT NULL,
    trading_state            text COLLATE "C" NOT NULL,
    trading_reason           text COLLATE "C" NOT NULL,
    trading_by               text COLLATE "C" NOT NULL,
    trading_since            timestamptz      NOT NULL,
    layers                   bigint           NOT NULL,
    orders_in_flight         bigint           NOT NULL,
    order_count              bigint           NOT NULL,
    intent_count             bigint           NOT NULL,
    log_format               bigint           NOT NULL,
    epoch                    bigint           NOT NULL,
    instance                 text COLLATE "C" NOT NULL,
    log_time                 timestamptz      NOT NULL,
    state_digest             text COLLATE "C" NOT NULL,
    PRIMARY KEY (portfolio)
);

CREATE TABLE settings (
    name       text COLLATE "C" NOT NULL,
    configured text COLLATE "C",
    effective  text COLLATE "C",
    PRIMARY KEY (name)
);

CREATE TABLE markets (
    instrument      text COLLATE "C" NOT NULL,
    campaigns       bigint           NOT NULL,
    late_positions  bigint           NOT NULL,
    oversold_lots   bigint           NOT NULL,
    bar_time        timestamptz,
    bar_price       numeric,
    bar_atr         numeric,
    bar_recorded_at timestamptz,
    PRIMARY KEY (instrument)
);

CREATE TABLE pyramiding_state (
    instrument         text COLLATE "C" NOT NULL,
    campaign           bigint           NOT NULL,
    layers_filled      bigint           NOT NULL,
    pyramid_count      bigint           NOT NULL,
    base_position_id   text COLLATE "C",
    base_lots          bigint           NOT NULL,
    base_entry_price   numeric,
    base_cost          numeric          NOT NULL,
    base_initial_stop  numeric          NOT NULL,
    last_pyramid_price numeric,
    base_settled       boolean          NOT NULL,
    opened_at          timestamptz      NOT NULL,
    PRIMARY KEY (instrument)
);

CREATE TABLE positions (
    instrument          text COLLATE "C" NOT NULL,
    campaign            bigint           NOT NULL,
    contract            text COLLATE "C" NOT NULL,
    layers              bigint           NOT NULL,
    lots                bigint           NOT NULL,
    lots_leaving        bigint           NOT NULL,
    lots_in_flight      bigint           NOT NULL,
    lot_size            bigint           NOT NULL,
    point_value         numeric          NOT NULL,
    average_entry_price numeric,
    cost                numeric          NOT NULL,
    realized_pnl        numeric          NOT NULL,
    unrealized_pnl      numeric          NOT NULL,
    fees                numeric          NOT NULL,
    risk                numeric          NOT NULL,
    volatility          numeric          NOT NULL,
    margin_used         numeric          NOT NULL,
    PRIMARY KEY (instrument, campaign, contract)
);

CREATE TABLE layers (
    position_id           text COLLATE "C" NOT NULL,
    instrument            text COLLATE "C" NOT NULL,
    campaign              bigint           NOT NULL,
    layer                 text COLLATE "C" NOT NULL,
    exchange              text COLLATE "C" NOT NULL,
    contract              text COLLATE "C" NOT NULL,
    late_fill             boolean          NOT NULL,
    kept                  boolean          NOT NULL,
    lots                  bigint           NOT NULL,
    lots_leaving          bigint           NOT NULL,
    lots_bought           bigint           NOT NULL,
    lots_sold             bigint           NOT NULL,
    lot_size              bigint           NOT NULL,
    point_value           numeric          NOT NULL,
    margin_per_lot        numeric          NOT NULL,
    trailing_atr_multiple numeric          NOT NULL,
    entry_price           numeric,
    entry_time            timestamptz,
    signal_time           timestamptz      NOT NULL,
    signal_price          numeric          NOT NULL,
    signal_stop           numeric          NOT NULL,
    initial_stop          numeric          NOT NULL,
    stop                  numeric          NOT NULL,
    highest               numeric          NOT NULL,
    atr                   numeric          NOT NULL,
    mark                  numeric,
    bought_cost           numeric          NOT NULL,
    cost                  numeric          NOT NULL,
    proceeds              numeric          NOT NULL,
    exit_price            numeric,
    exit_time             timestamptz,
    exit_cause            text COLLATE "C",
    realized_pnl          numeric          NOT NULL,
    unrealized_pnl        numeric          NOT NULL,
    fees                  numeric          NOT NULL,
    risk                  numeric          NOT NULL,
    volatility            numeric          NOT NULL,
    entry_order           text COLLATE "C" NOT NULL,
    orders                text COLLATE "C" NOT NULL,
    PRIMARY KEY (position_id)
);

CREATE TABLE orders_open (
    order_id         text COLLATE "C" NOT NULL,
    n                bigint           NOT NULL,
    tag              text COLLATE "C" NOT NULL,
    kind             text COLLATE "C" NOT NULL,
    broker           text COLLATE "C" NOT NULL,
    broker_id        text COLLATE "C",
    instrument       text COLLATE "C" NOT NULL,
    exchange         text COLLATE "C" NOT NULL,
    contract         text COLLATE "C" NOT NULL,
    side             text COLLATE "C" NOT NULL,
    type             text COLLATE "C" NOT NULL,
    product          text COLLATE "C" NOT NULL,
    lots             bigint           NOT NULL,
    lot_size         bigint           NOT NULL,
    quantity         bigint           NOT NULL,
    limit_price      numeric,
    reference_price  numeric          NOT NULL,
    point_value      numeric          NOT NULL,
    state            text COLLATE "C" NOT NULL,
    cancel_requested boolean          NOT NULL,
    filled_lots      bigint           NOT NULL,
    fill_cost        numeric          NOT NULL,
    position_id      text COLLATE "C",
    intent_id        text COLLATE "C",
    signal_id        text COLLATE "C",
    attempt          bigint           NOT NULL,
    expires_at       timestamptz      NOT NULL,
    not_after        timestamptz      NOT NULL,
    state_at         timestamptz      NOT NULL,
    PRIMARY KEY (order_id)
);

CREATE TABLE exit_intents (
    intent_id       text COLLATE "C" NOT NULL,
    instrument      text COLLATE "C" NOT NULL,
    contract        text COLLATE "C" NOT NULL,
    cause           text COLLATE "C" NOT NULL,
    lots            bigint           NOT NULL,
    held_back       boolean          NOT NULL,
    withdrawn       boolean          NOT NULL,
    reference_price numeric,
    signal_id       text COLLATE "C",
    requested_by    text COLLATE "C",
    reason          text COLLATE "C",
    order_id        text COLLATE "C",
    attempts        bigint           NOT NULL,
    next_at         timestamptz,
    revision        bigint           NOT NULL,
    PRIMARY KEY (intent_id)
);

CREATE TABLE exit_claims (
    intent_id   text COLLATE "C" NOT NULL,
    position_id text COLLATE "C" NOT NULL,
    layer       text COLLATE "C" NOT NULL,
    lots        bigint           NOT NULL,
    PRIMARY KEY (intent_id, position_id)
);

CREATE TABLE alarms (
    code      text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    raised_at timestamptz      NOT NULL,
    revision  bigint           NOT NULL,
    PRIMARY KEY (code, subject)
);

CREATE TABLE broker_differences (
    difference_id text COLLATE "C" NOT NULL,
    contract      text COLLATE "C" NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    revision      bigint           NOT NULL,
    PRIMARY KEY (difference_id)
);

CREATE TABLE signals (
    revision    bigint           NOT NULL,
    recorded_at timestamptz      NOT NULL,
    signal_id   text COLLATE "C" NOT NULL,
    client_id   text COLLATE "C",
    type        text COLLATE "C" NOT NULL,
    instrument  text COLLATE "C" NOT NULL,
    position    text COLLATE "C",
    outcome     text COLLATE "C" NOT NULL,
    price       numeric,
    stop        numeric,
    atr         numeric,
    er          numeric,
    signal_time timestamptz      NOT NULL,
    received_at timestamptz      NOT NULL,
    flags       text COLLATE "C",
    PRIMARY KEY (revision)
);

CREATE TABLE refusals (
    revision       bigint           NOT NULL,
    n              bigint           NOT NULL,
    recorded_at    timestamptz      NOT NULL,
    signal_id      text COLLATE "C" NOT NULL,
    code           text COLLATE "C" NOT NULL,
    layer          text COLLATE "C",
    first_revision bigint,
    PRIMARY KEY (revision, n)
);

CREATE TABLE fills (
    revision         bigint           NOT NULL,
    recorded_at      timestamptz      NOT NULL,
    order_id         text COLLATE "C" NOT NULL,
    instrument       text COLLATE "C" NOT NULL,
    side             text COLLATE "C" NOT NULL,
    last_qty         bigint           NOT NULL,
    last_px          numeric          NOT NULL,
    cum_qty          bigint           NOT NULL,
    leaves_qty       bigint           NOT NULL,
    exec_id          text COLLATE "C" NOT NULL,
    fee              numeric          NOT NULL,
    late_position_id text COLLATE "C",
    PRIMARY KEY (revision)
);

CREATE TABLE orders_ended (
    revision         bigint           NOT NULL,
    recorded_at      timestamptz      NOT NULL,
    ended_by         text COLLATE "C" NOT NULL,
    order_id         text COLLATE "C" NOT NULL,
    n                bigint           NOT NULL,
    tag              text COLLATE "C" NOT NULL,
    kind             text COLLATE "C" NOT NULL,
    broker           text COLLATE "C" NOT NULL,
    broker_id        text COLLATE "C",
    instrument       text COLLATE "C" NOT NULL,
    exchange         text COLLATE "C" NOT NULL,
    contract         text COLLATE "C" NOT NULL,
    side             text COLLATE "C" NOT NULL,
    type             text COLLATE "C" NOT NULL,
    product          text COLLATE "C" NOT NULL,
    lots             bigint           NOT NULL,
    lot_size         bigint           NOT NULL,
    quantity         bigint           NOT NULL,
    limit_price      numeric,
    reference_price  numeric          NOT NULL,
    point_value      numeric          NOT NULL,
    state            text COLLATE "C" NOT NULL,
    cancel_requested boolean          NOT NULL,
    filled_lots      bigint           NOT NULL,
    fill_cost        numeric          NOT NULL,
    position_id      text COLLATE "C",
    intent_id        text COLLATE "C",
    signal_id        text COLLATE "C",
    attempt          bigint           NOT NULL,
    expires_at       timestamptz      NOT NULL,
    not_after        timestamptz      NOT NULL,
    state_at         timestamptz      NOT NULL,
    PRIMARY KEY (revision)
);

CREATE TABLE trades (
    revision              bigint           NOT NULL,
    position_id           text COLLATE "C" NOT NULL,
    recorded_at           timestamptz      NOT NULL,
    instrument            text COLLATE "C" NOT NULL,
    campaign              bigint           NOT NULL,
    layer                 text COLLATE "C" NOT NULL,
    exchange              text COLLATE "C" NOT NULL,
    contract              text COLLATE "C" NOT NULL,
    late_fill             boolean          NOT NULL,
    kept                  boolean          NOT NULL,
    lots                  bigint           NOT NULL,
    lots_leaving          bigint           NOT NULL,
    lots_bought           bigint           NOT NULL,
    lots_sold             bigint           NOT NULL,
    lot_size              bigint           NOT NULL,
    point_value           numeric          NOT NULL,
    margin_per_lot        numeric          NOT NULL,
    trailing_atr_multiple numeric          NOT NULL,
    entry_price           numeric,
    entry_time            timestamptz,
    signal_time           timestamptz      NOT NULL,
    signal_price          numeric          NOT NULL,
    signal_stop           numeric          NOT NULL,
    initial_stop          numeric          NOT NULL,
    stop                  numeric          NOT NULL,
    highest               numeric          NOT NULL,
    atr                   numeric          NOT NULL,
    mark                  numeric,
    bought_cost           numeric          NOT NULL,
    cost                  numeric          NOT NULL,
    proceeds              numeric          NOT NULL,
    exit_price            numeric,
    exit_time             timestamptz,
    exit_cause            text COLLATE "C",
    realized_pnl          numeric          NOT NULL,
    unrealized_pnl        numeric          NOT NULL,
    fees                  numeric          NOT NULL,
    risk                  numeric          NOT NULL,
    volatility            numeric          NOT NULL,
    entry_order           text COLLATE "C" NOT NULL,
    orders                text COLLATE "C" NOT NULL,
    PRIMARY KEY (revision, position_id)
);

CREATE INDEX signals_signal_id ON signals USING hash (signal_id);
CREATE INDEX signals_instrument ON signals (instrument, revision);
CREATE INDEX refusals_signal_id ON refusals USING hash (signal_id);
CREATE INDEX fills_order_id ON fills USING hash (order_id);
CREATE INDEX orders_ended_order_id ON orders_ended USING hash (order_id);
CREATE INDEX orders_ended_signal_id ON orders_ended USING hash (signal_id);
CREATE INDEX trades_position_id ON trades USING hash (position_id);
CREATE INDEX trades_instrument ON trades (instrument, revision);

COMMENT ON TABLE portfolio_state IS 'One row: the portfolio as a whole. Amounts are rupees, percents are of equity.';
COMMENT ON COLUMN portfolio_state.equity IS 'Equity in the mode that sizing uses.';
COMMENT ON COLUMN portfolio_state.state_digest IS 'SHA-256 over everything that the fold knows, also what no table shows.';
COMMENT ON TABLE settings IS 'Each setting as configured and as it is in force.';
COMMENT ON TABLE markets IS 'Each instrument that was ever traded or marked, with its last bar.';
COMMENT ON TABLE pyramiding_state IS 'Each open campaign: what the gates of the next pyramid read.';
COMMENT ON COLUMN pyramiding_state.base_entry_price IS 'Null until the base has filled.';
COMMENT ON TABLE positions IS 'What a campaign holds in one contract, or has an entry in flight for. Amounts are rupees.';
COMMENT ON TABLE layers IS 'Each layer of each open campaign. Prices are points, amounts rupees.';
COMMENT ON TABLE orders_open IS 'Orders that have not ended.';
COMMENT ON TABLE exit_intents IS 'Exits that stand until their lots are gone.';
COMMENT ON TABLE exit_claims IS 'Which lots of which layer a standing exit takes.';
COMMENT ON TABLE alarms IS 'Alarms that stand.';
COMMENT ON TABLE broker_differences IS 'Where the broker holds something else than the log, until a person accepts it.';
COMMENT ON TABLE signals IS 'Each well-formed signal. Only added to, as all tables from here on.';
COMMENT ON COLUMN signals.revision IS 'Revision of the event that made the row.';
COMMENT ON TABLE refusals IS 'Each reason of each refused signal.';
COMMENT ON TABLE fills IS 'Each step of each fill: lots, points, fee in rupees.';
COMMENT ON TABLE orders_ended IS 'Each order when it ended, and once more at each late fill: the newest row of an order holds.';
COMMENT ON TABLE trades IS 'Each position that held lots and holds none any more.';

-- What people ask for most. pm itself reads the tables only.

CREATE VIEW orders AS
SELECT NULL::bigint AS ended_revision, NULL::timestamptz AS ended_at, NULL::text AS ended_by, open.*
FROM orders_open AS open
UNION ALL
SELECT ended.* FROM (SELECT DISTINCT ON (order_id) * FROM orders_ended ORDER BY order_id, revision DESC) AS ended;

COMMENT ON VIEW orders IS 'All orders, open and ended, each once.';

CREATE VIEW open_positions AS
SELECT instrument, campaign, contract, layers, lots, lots_leaving, average_entry_price, unrealized_pnl, realized_pnl, fees, risk,
       volatility, margin_used
FROM positions
WHERE lots > 0;

COMMENT ON VIEW open_positions IS 'Contracts of which lots are held.';

CREATE VIEW all_positions AS
SELECT NULL::bigint AS closed_revision, open.* FROM layers AS open
UNION ALL
SELECT revision, position_id, instrument, campaign, layer, exchange, contract, late_fill, kept, lots, lots_leaving,
       lots_bought, lots_sold, lot_size, point_value, margin_per_lot, trailing_atr_multiple, entry_price, entry_time,
       signal_time, signal_price, signal_stop, initial_stop, stop, highest, atr, mark, bought_cost, cost, proceeds,
       exit_price, exit_time, exit_cause, realized_pnl, unrealized_pnl, fees, risk, volatility, entry_order, orders
FROM trades;

COMMENT ON VIEW all_positions IS 'All layers that were ever entered, open (closed_revision is null) and closed.';

-- +goose Down

DROP VIEW all_positions, open_positions, orders;
DROP TABLE head, portfolio_state, settings, markets, pyramiding_state, positions, layers, orders_open, exit_intents,
    exit_claims, alarms, broker_differences, signals, refusals, fills, orders_ended, trades;
