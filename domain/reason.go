package domain

// ReasonCode is the stable name of a rule that refused something. The names never change; the sentences may.
type ReasonCode string

// Every reason for which a signal can be refused.
const (
	ReasonStale               ReasonCode = "stale"
	ReasonUnknownInstrument   ReasonCode = "unknown_instrument"
	ReasonNotTrading          ReasonCode = "not_trading"
	ReasonCampaignOpen        ReasonCode = "campaign_open"
	ReasonEntryPending        ReasonCode = "entry_pending"
	ReasonUnknownOrder        ReasonCode = "unknown_order"
	ReasonMarketClosed        ReasonCode = "market_closed"
	ReasonNoEquity            ReasonCode = "no_equity"
	ReasonInvalidRisk         ReasonCode = "invalid_risk"
	ReasonInvalidATR          ReasonCode = "invalid_atr"
	ReasonNoBase              ReasonCode = "no_base"
	ReasonMaxPyramids         ReasonCode = "max_pyramids"
	ReasonOneR                ReasonCode = "one_r"
	ReasonSpacing             ReasonCode = "atr_spacing"
	ReasonPortfolioRisk       ReasonCode = "portfolio_risk"
	ReasonPortfolioVolatility ReasonCode = "portfolio_volatility"
	ReasonProfit              ReasonCode = "profit"
	ReasonZeroLots            ReasonCode = "zero_lots"
	ReasonPriceDivergence     ReasonCode = "price_divergence"
	ReasonLateFill            ReasonCode = "late_fill_open"
	ReasonDuplicate           ReasonCode = "duplicate"
	ReasonNotOpen             ReasonCode = "not_open"
	ReasonUnclearExit         ReasonCode = "unclear_exit"
)

// Reasons has one sentence for the operator for every code.
var Reasons = map[ReasonCode]string{
	ReasonStale:               "The signal is older than it may be, or dated in the future.",
	ReasonUnknownInstrument:   "The instrument is not in the configuration.",
	ReasonNotTrading:          "The portfolio takes no entries: it is reducing or halted. A person must resume it.",
	ReasonCampaignOpen:        "The instrument already has an open or reserved campaign; only one may be open.",
	ReasonEntryPending:        "An entry order of the instrument is still in flight.",
	ReasonUnknownOrder:        "An order of the instrument has an unknown outcome; no entry goes before the broker's book has answered.",
	ReasonMarketClosed:        "The instrument's exchange is closed at this time.",
	ReasonNoEquity:            "The equity is zero or below; nothing new can be sized.",
	ReasonInvalidRisk:         "The stop leaves no risk to size by: it is at or above the price.",
	ReasonInvalidATR:          "The ATR is zero, so no stop of our own can be placed.",
	ReasonNoBase:              "The campaign has no open base layer to build on.",
	ReasonMaxPyramids:         "The campaign has as many pyramids as the instrument may have.",
	ReasonOneR:                "The price has not moved by more than one R above the base entry.",
	ReasonSpacing:             "The price is too close to the last layer for the spacing in ATR.",
	ReasonPortfolioRisk:       "The portfolio's risk with the new lots would exceed its limit.",
	ReasonPortfolioVolatility: "The portfolio's volatility with the new lots would exceed its limit.",
	ReasonProfit:              "The instrument's open layers are not in profit at this price.",
	ReasonZeroLots:            "The size comes to no lots; the limiter says why.",
	ReasonPriceDivergence:     "The signal's price is too far from the broker's quote.",
	ReasonLateFill:            "A late fill of the instrument is still being closed; no entry goes before it is flat.",
	ReasonDuplicate:           "The signal repeats one that was accepted before.",
	ReasonNotOpen:             "Nothing that the exit names is open.",
	ReasonUnclearExit:         "The exit names no layer. Send position as Long_1 to Long_6, a list of them, or ALL.",
}

// Sentence is what an operator reads for the code.
func (c ReasonCode) Sentence() string { return Reasons[c] }

// The codes of alarms, each with one sentence in Alarms.
const (
	AlarmIDConflict   = "id_conflict"
	AlarmUnclearExit  = "unclear_exit"
	AlarmUnknownOrder = "unknown_order"
	AlarmExitRetries  = "exit_retries"
	AlarmExitWaits    = "exit_waits"
	AlarmHeldBack     = "exit_held_back"
	AlarmLateFill     = "late_fill"
	AlarmOversold     = "oversold"
	AlarmOverfill     = "overfill"
	AlarmOddFill      = "odd_fill"
	AlarmBadFill      = "bad_fill"
	AlarmAmbiguous    = "ambiguous_order"
	AlarmBarAhead     = "bar_ahead"
	AlarmForeignOrder = "foreign_order"
	AlarmBarsMissing  = "bars_missing"
	AlarmDifference   = "broker_difference"
	AlarmDivergence   = ReasonLateDivergence
)

// Alarms has one sentence for the operator for every alarm code.
var Alarms = map[string]string{
	AlarmIDConflict:   "A sender used an id again with other content: check the chart's alert.",
	AlarmUnclearExit:  "An exit named no layer and was refused: close the position by hand if it should be closed.",
	AlarmUnknownOrder: "Nobody knows whether the broker took an order: no entry goes in the symbol until the book answers.",
	AlarmExitRetries:  "An exit has been tried three times and its lots are still held.",
	AlarmExitWaits:    "An exit waits for an order of unknown outcome that it could not be told from.",
	AlarmHeldBack:     "A stop or a chart's exit was held back because the portfolio is halted: resume or exit by hand.",
	AlarmLateFill:     "An order that was done has filled; the lots are being closed.",
	AlarmOversold:     "An exit order that was done sold more than was held: the broker may be short.",
	AlarmOverfill:     "The broker reports more filled than was ordered: compare the books by hand.",
	AlarmOddFill:      "The broker reports a fill that is not a whole number of lots: compare the books by hand.",
	AlarmBadFill:      "The broker reports a fill that cannot be read: nothing behind it is booked until its book is right.",
	AlarmAmbiguous:    "Two orders of the broker's book could be ours: bind one by hand.",
	AlarmForeignOrder: "The broker's book has an order that the log does not know: compare the books by hand.",
	AlarmBarsMissing:  "Bars have stopped coming for an open position, so its stops stand still: mend the chart's alert, or exit by hand.",
	AlarmDifference:   "The broker holds other lots of a contract than the log says: compare the books by hand, then accept the difference or mend it.",
	AlarmDivergence:   "The snapshot was found to differ from the log while entries were stopped: rebuild it; a resume stops entries for this once more.",
	AlarmBarAhead:     "A bar is dated in the future: check the chart's clock and time zone.",
}
