package recovery

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// torn are snapshots that no log folds into, with what the report must say of each.
var torn = []struct{ table, change, says string }{
	{"pyramiding_state", "UPDATE pyramiding_state SET last_pyramid_price = NULL WHERE instrument = 'COPPER'",
		"Invalid pyramiding state of COPPER: 2 layers have filled and last_pyramid_price is null"},
	{"pyramiding_state", "UPDATE pyramiding_state SET base_position_id = 'nobody' WHERE instrument = 'COPPER'",
		"Invalid pyramiding state of COPPER: base nobody is no layer"},
	{"pyramiding_state", "DELETE FROM pyramiding_state WHERE instrument = 'GOLD_MINI'",
		"Orphaned layer GOLD_MINI-1-Long_1: campaign 1 of GOLD_MINI has no pyramiding state"},
	{"layers", "UPDATE layers SET layer = 'Long_9' WHERE position_id = 'GOLD_MINI-1-Long_2'",
		"Wrong layer: position GOLD_MINI-1-Long_2 says that it is Long_9 of campaign 1 of GOLD_MINI"},
	{"layers", "DELETE FROM layers", "Row layers[COPPER-1-Long_2] is missing in the snapshot"},
	{"fills", "DELETE FROM fills WHERE revision = (SELECT max(revision) FROM fills)", "is missing in the snapshot"},
	{"alarms", "INSERT INTO alarms (code, subject, raised_at, revision) VALUES ('by', 'hand', '2026-01-05 09:15:00+00', 7)",
		"Row alarms[by,hand] is in the snapshot and not in the log"},
	{"head", "DELETE FROM head", "the tables have rows and the head row is gone: the snapshot is torn"},
}

// damaged are tables that are not what they should be, with how they are mended.
var damaged = []struct{ change, undo string }{
	{"ALTER TABLE alarms RENAME TO alarms_aside", "ALTER TABLE alarms_aside RENAME TO alarms"},
	{"ALTER TABLE alarms RENAME COLUMN subject TO aside", "ALTER TABLE alarms RENAME COLUMN aside TO subject"},
}

func TestATornSnapshotHaltsTheStartAndIsNamed(t *testing.T) {
	for kind, build := range stores {
		t.Run(kind, func(t *testing.T) {
			s := yard(t, build)
			s.backup()
			for _, c := range torn {
				s.exec(c.change)
				s.halts("VALIDATION_FAILED")
				require.Contains(t, s.messages(), c.says, c.change)
				s.exec(restored(c.table))
			}
			for _, c := range damaged {
				s.exec(c.change)
				said, _ := s.halts("VALIDATION_FAILED")
				require.Regexp(t, "alarms|subject", said, c.change)
				s.exec(c.undo)
			}
			s.Start()
			require.Regexp(t, `, 6 positions open; the snapshot \(.+\) agrees at revision`, s.Said(), "what was put back starts again")
			var closed []string
			for _, p := range s.positions("closed") {
				closed = append(closed, p.ID)
			}
			require.ElementsMatch(t, layersOf("SILVER_MINI-1"), closed, "also what was closed is there again")
			require.ElementsMatch(t, layersOf("BANK_NIFTY-1", "GOLD_MINI-1", "COPPER-1"), held(s.positions("all")))
			s.Kill()
		})
	}
}

// layersOf names two layers of each campaign.
func layersOf(campaigns ...string) (ids []string) {
	for _, c := range campaigns {
		for n := range 2 {
			ids = append(ids, fmt.Sprintf("%s-Long_%d", c, n+1))
		}
	}
	return ids
}
