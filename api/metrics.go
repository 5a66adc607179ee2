package api

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"pm/domain"
)

// Step is one durable step of the writer, as the metrics count it.
type Step struct {
	Signals  []JudgedSignal
	Events   []domain.Recorded
	Decision time.Duration // of the whole step
	Append   time.Duration // until it was durable; 0 if nothing was recorded
}

// JudgedSignal is a signal and what became of it.
type JudgedSignal struct {
	Type       domain.SignalType
	Instrument string
	Verdict    domain.Verdict
	Reasons    []domain.ReasonCode // of a refusal
}

// stepBuckets are seconds: a decision takes microseconds, a durable append as long as the disk.
var stepBuckets = []float64{.00001, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// Metrics counts what passes through one process, from its start on. What stands in the state is read at each scrape instead
// (standing). Every label comes from a closed set: signal types, verdicts, reason and alarm codes, event types, configured
// instruments. The methods may be called from any goroutine and never wait.
type Metrics struct {
	registry  *prometheus.Registry
	signals   *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	events    *prometheus.CounterVec
	alarms    *prometheus.CounterVec
	answers   *prometheus.CounterVec
	decisions prometheus.Histogram
	appends   prometheus.Histogram
	webhooks  prometheus.Histogram
	disk      prometheus.Gauge

	mu         sync.Mutex
	lastSignal map[string]time.Time // wall clock, by instrument
	now        func() time.Time
}

func newMetrics(build, instance string, now func() time.Time) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: stepBuckets})
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(), lastSignal: map[string]time.Time{}, now: now,
		signals:   counter("pm_signals_total", "Signals judged, by type and outcome.", "type", "outcome"),
		refusals:  counter("pm_refusals_total", "Reasons of refused signals; a signal may have several.", "type", "reason"),
		events:    counter("pm_events_total", "Events appended by this process, by type.", "type"),
		alarms:    counter("pm_alarms_total", "Alarms raised, by code.", "code"),
		answers:   counter("pm_webhook_answers_total", "Answers of the webhook, by HTTP status.", "status"),
		decisions: seconds("pm_decision_seconds", "Deciding and applying one step of the writer."),
		appends:   seconds("pm_append_seconds", "Making one step of the writer durable."),
		webhooks:  seconds("pm_webhook_seconds", "From a signal's arrival to its answer."),
		disk:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "pm_disk_free_percent", Help: "Free on the fullest disk that the service writes to."}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pm_build_info", Help: "Always 1; the labels say what runs.", ConstLabels: prometheus.Labels{"build": build, "instance": instance},
	})
	info.Set(1)
	m.registry.MustRegister(m.signals, m.refusals, m.events, m.alarms, m.answers, m.decisions, m.appends, m.webhooks, m.disk, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.zero()
	return m
}

// zero shows every row of the small sets from the start: a row that appears only with its first count hides that count from a rate.
func (m *Metrics) zero() {
	for _, t := range []domain.SignalType{domain.BaseEntry, domain.Pyramid, domain.Exit, domain.MarketData, domain.EODMonitor} {
		for _, v := range []domain.Verdict{domain.VerdictAccepted, domain.VerdictRejected, domain.VerdictDuplicate, domain.VerdictConflict} {
			m.signals.WithLabelValues(string(t), string(v))
		}
	}
	for code := range domain.Alarms {
		m.alarms.WithLabelValues(code)
	}
}

// Observe counts one step.
func (m *Metrics) Observe(s Step) {
	m.decisions.Observe(s.Decision.Seconds())
	if s.Append > 0 {
		m.appends.Observe(s.Append.Seconds())
	}
	for i := range s.Signals {
		m.signal(&s.Signals[i])
	}
	for i := range s.Events {
		m.events.WithLabelValues(s.Events[i].Type).Inc()
		if a, ok := s.Events[i].Event.(*domain.AlarmRaised); ok {
			m.alarms.WithLabelValues(closed(a.Code, domain.Alarms)).Inc()
		}
	}
}

func (m *Metrics) signal(s *JudgedSignal) {
	m.signals.WithLabelValues(string(s.Type), string(s.Verdict)).Inc()
	for _, code := range s.Reasons {
		m.refusals.WithLabelValues(string(s.Type), string(code)).Inc()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.lastSignal[s.Instrument]; known || len(m.lastSignal) < maxInstruments {
		m.lastSignal[s.Instrument] = m.now()
	}
}

// maxInstruments bounds the names whose last signal is remembered; only configured ones are shown.
const maxInstruments = 1000

// closed keeps a label within its set.
func closed[K comparable](code K, set map[K]string) K {
	if _, ok := set[code]; ok {
		return code
	}
	var none K
	return none
}

// DiskFree shows how much of the fullest disk is free, in percent.
func (m *Metrics) DiskFree(percent float64) { m.disk.Set(percent) }

// answered counts an answer of the webhook.
func (m *Metrics) answered(status int, took time.Duration) {
	m.answers.WithLabelValues(strconv.Itoa(status)).Inc()
	m.webhooks.Observe(took.Seconds())
}

// signalAges are the times since this process judged the last signal of each configured instrument. Names that senders made up are
// forgotten here, so that they cannot crowd the others out.
func (m *Metrics) signalAges(configured []string) map[string]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.lastSignal, func(name string, _ time.Time) bool { return !slices.Contains(configured, name) })
	out := make(map[string]time.Duration, len(m.lastSignal))
	for name, at := range m.lastSignal {
		out[name] = m.now().Sub(at)
	}
	return out
}

// ReasonsIn are the codes for which the signal of these events was refused.
func ReasonsIn(events []domain.Recorded) []domain.ReasonCode {
	var out []domain.ReasonCode
	for i := range events {
		if e, ok := events[i].Event.(*domain.SignalRejected); ok {
			for _, r := range e.Reasons {
				out = append(out, r.Code)
			}
		}
	}
	return slices.Clip(out)
}
