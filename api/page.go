package api

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pm/api/web"
	"pm/domain"
	"pm/projections"
)

// pageRows is how many signals, and how many closed positions, the status page shows.
const pageRows = 20

// pagePolicy lets a browser load the page's own style sheet and nothing else: whatever text ended up in it, none of it runs.
const pagePolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// statusPage is what the template shows. Portfolio is nil while there is nothing to show.
type statusPage struct {
	Health    health
	Now       time.Time
	Portfolio *projections.Portfolio
	Positions []projections.Position
	Pyramids  []projections.Pyramid
	Orders    []projections.Order
	Signals   []projections.Signal
	Closed    []projections.Position
	Trouble   string // why something is missing
}

var pageTemplate = template.Must(template.New("status.html").Funcs(template.FuncMap{
	"money": money, "price": price, "percent": percent, "clock": clock, "words": words, "tone": tone, "sign": sign, "cause": projections.CauseWords, "join": strings.Join,
}).ParseFS(web.Files, "status.html"))

// page shows the portfolio to a person, without a script.
func (s *Server) page(c echo.Context) error {
	p := statusPage{Health: s.health(), Now: s.now()}
	status := http.StatusOK
	if err := s.fill(c.Request().Context(), &p); err != nil {
		p.Portfolio, p.Trouble, status = nil, err.Error(), http.StatusServiceUnavailable
	}
	p.Health.Ready = p.Portfolio != nil
	var buf bytes.Buffer
	if err := pageTemplate.Execute(&buf, p); err != nil {
		return fmt.Errorf("show the status page: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	return answerBytes(c, status, echo.MIMETextHTMLCharsetUTF8, buf.Bytes())
}

// pageWait is how long the page waits for the lists of the past.
const pageWait = 250 * time.Millisecond

// fill reads the state at one revision; the lists of the past are shown as far as they have come.
func (s *Server) fill(ctx context.Context, p *statusPage) error {
	err := s.look(ctx, func(st *domain.State, h projections.Head) {
		portfolio := projections.PortfolioOf(st, h)
		p.Portfolio = &portfolio
		p.Positions, p.Pyramids, p.Orders = projections.Positions(st), projections.Pyramids(st), projections.OpenOrders(st)
	})
	if err != nil {
		return err
	}
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	wait, cancel := context.WithTimeout(ctx, pageWait)
	defer cancel()
	// Whoever has just sent a signal looks for it here; a page that comes without it is better than none.
	if err := deps.History.WaitFor(wait, p.Portfolio.Revision); err != nil {
		s.log.Debug("the status page shows older lists", "error", err)
	}
	p.Signals = deps.History.Signals(projections.Filter{Notable: true}, nil, pageRows).Rows
	p.Closed = deps.History.Closed(projections.Filter{}, nil, pageRows).Rows
	p.Health.Revision = &p.Portfolio.Revision
	p.Health.watchHistory(deps.History.Health())
	if deps.Snapshot != nil {
		p.Health.watchSnapshot(deps.Snapshot())
	}
	return nil
}

// stylesheet serves the one style sheet.
func (s *Server) stylesheet(c echo.Context) error {
	css, err := web.Files.ReadFile("style.css")
	if err != nil {
		return fmt.Errorf("read the style sheet: %w", err)
	}
	return answerBytes(c, http.StatusOK, "text/css; charset=utf-8", css)
}

// money writes rupees with two digits and separators: 4,998,750.00.
func money(d domain.Decimal) string { return grouped(d.RoundBank(2).StringFixed(2)) }

// price writes points, as exact as they are; a missing one is a dash.
func price(v any) string {
	switch d := v.(type) {
	case domain.Decimal:
		return grouped(d.RoundBank(4).String())
	case *domain.Decimal:
		if d != nil {
			return grouped(d.RoundBank(4).String())
		}
	}
	return "–"
}

func percent(d domain.Decimal) string { return d.RoundBank(2).StringFixed(2) + " %" }

// grouped puts separators into the whole part of a number.
func grouped(number string) string {
	sign, rest := "", number
	if strings.HasPrefix(rest, "-") {
		sign, rest = "−", rest[1:]
	}
	whole, fraction, pointed := strings.Cut(rest, ".")
	var out strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(c)
	}
	if pointed {
		return sign + out.String() + "." + fraction
	}
	return sign + out.String()
}

// exchangeTime is what the chart of an Indian trader shows.
var exchangeTime = time.FixedZone("IST", 5*3600+1800)

// clock writes a time as the exchange has it.
func clock(v any) string {
	const form = "2 Jan 15:04:05"
	switch t := v.(type) {
	case time.Time:
		return t.In(exchangeTime).Format(form)
	case *time.Time:
		if t != nil {
			return t.In(exchangeTime).Format(form)
		}
	}
	return "–"
}

// words says what became of a signal as one would tell it to the trader.
func words(s projections.Signal) string {
	if s.Decision == nil {
		said := make([]string, len(s.Reasons))
		for i, r := range s.Reasons {
			said[i] = r.Message
		}
		return strings.Join(said, " ")
	}
	d := s.Decision
	switch d.Action {
	case domain.ActionOpenBase:
		return fmt.Sprintf("Buys %s as %s; the size is limited by %s.", lots(d.Lots), d.PositionID, projections.LimiterWords(d.Limiter))
	case domain.ActionAddLayer:
		return fmt.Sprintf("Adds %s as %s; the size is limited by %s.", lots(d.Lots), d.PositionID, projections.LimiterWords(d.Limiter))
	case domain.ActionExit:
		return fmt.Sprintf("Sells %s.", lots(d.Lots))
	case domain.ActionMark:
		return "Marks the open layers and moves their stops."
	}
	return "Recorded; nothing to do."
}

func lots(n int) string {
	if n == 1 {
		return "1 lot"
	}
	return strconv.Itoa(n) + " lots"
}

// tone is the colour of a state: a class of the style sheet.
func tone(state string) string {
	switch state {
	case string(domain.Active), domain.OutcomeAccepted, projections.PositionOpen:
		return "good"
	case string(domain.Halted), Crashed, domain.OutcomeRejected, string(domain.UnknownSent):
		return "bad"
	case string(domain.Reducing), Recovering, Stopping, projections.PositionClosing, projections.PositionPending:
		return "warn"
	}
	return "plain"
}

// sign is the colour of a result.
func sign(d domain.Decimal) string {
	switch d.Sign() {
	case 1:
		return "gain"
	case -1:
		return "loss"
	}
	return "even"
}
