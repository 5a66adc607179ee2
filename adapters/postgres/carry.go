package postgres

import (
	"fmt"
	"strings"
)

// carry.go takes over what other people hung on the tables: permissions, and views of their own.

// grants are the statements that give everybody the permissions on the new tables that they had on those of the same name, on whole
// tables and on columns that are still there. The owner has his own.
func (w *switching) grants(here, there []relation) ([]string, error) {
	results, err := exec(w.ctx, w.conn, `WITH given AS (
    SELECT c.relname, c.relowner, NULL::name AS attname, acl.* FROM pg_class c, aclexplode(c.relacl) acl
    WHERE c.relnamespace = `+oid(w.current)+`
    UNION ALL
    SELECT c.relname, c.relowner, a.attname, acl.* FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
    WHERE c.relnamespace = `+oid(w.current)+` AND NOT a.attisdropped
)
SELECT format('GRANT %s%s ON %I.%I TO %s%s', privilege_type, '(' || quote_ident(g.attname) || ')', `+literal(w.current)+`::text, g.relname,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM given g JOIN pg_class n ON n.relname = g.relname AND n.relnamespace = `+oid(w.next)+` AND n.relkind IN ('r', 'p', 'v')
WHERE grantee <> g.relowner AND g.relname IN (`+names(here)+`) AND g.relname IN (`+names(there)+`) AND (g.attname IS NULL
    OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = n.oid AND a.attname = g.attname AND NOT a.attisdropped))
ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range results[0].Rows {
		out = append(out, string(row[0]))
	}
	return out, nil
}

// views are the statements that bind views of other people to the new tables: a view is bound to tables, not to their names, and would
// go on showing the old ones without a word. What cannot be bound again stops the switch, and the server's error names it.
func (w *switching) views(here []relation) ([]string, error) {
	results, err := exec(w.ctx, w.conn, `SELECT DISTINCT format('%I.%I', vn.nspname, v.relname), v.relkind, pg_get_viewdef(v.oid)
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace vn ON vn.oid = v.relnamespace
JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = `+oid(w.current)+` AND t.relname IN (`+names(here)+`)
WHERE v.oid <> t.oid AND NOT (v.relnamespace = t.relnamespace AND v.relname IN (`+names(here)+`)) ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range results[0].Rows {
		if string(row[1]) != "v" {
			return nil, fmt.Errorf("the materialized view %s reads these tables and cannot be taken over: drop it and make it again after the switch", row[0])
		}
		out = append(out, "CREATE OR REPLACE VIEW "+string(row[0])+" AS "+strings.TrimSuffix(string(row[2]), ";"))
	}
	return out, nil
}

func oid(schema string) string { return literal(quote(schema)) + "::regnamespace" }

// names lists names as constants; of nothing, one that nothing has.
func names(of []relation) string {
	out := []string{"''"}
	for _, r := range of {
		out = append(out, literal(r.name))
	}
	return strings.Join(out, ", ")
}
