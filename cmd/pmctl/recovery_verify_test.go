package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/signature"
)

// signedReport is a report in a folder of its own with the signature of an installation, as somebody is handed it.
func signedReport(t *testing.T) (file, data string) {
	t.Helper()
	data, report := restarted(t)
	key, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	file = writeFile(t, "report.json", string(text))
	require.NoError(t, installation.SignFile(key, file, signature.OfFile(signature.OfReport, text)))
	return file, data
}

func TestASignedReportIsCheckedWithoutTheLog(t *testing.T) {
	file, data := signedReport(t)
	key, err := installation.Load(data)
	require.NoError(t, err)
	out, _ := pmctl(t, exitFine, "recovery", "verify", file)
	require.Contains(t, out, "not proven: who signed: key "+string(key.ID())+" is the one in the side file itself")
	for _, trusted := range []string{installation.PublicFile(data), string(key.ID())} {
		out, _ = pmctl(t, exitFine, "recovery", "verify", file, "--key", trusted)
		require.Contains(t, out, "which is the trusted one (--key "+trusted+")")
		require.NotContains(t, out, "not proven")
	}
	out, _ = pmctl(t, exitFine, "recovery", "verify", file, "--data", data, "-o", "json")
	require.Contains(t, out, `"key_trusted": true`, "the key of the folder in use is known")
	require.Contains(t, out, `"agrees": true`)
	out, _ = pmctl(t, exitFine, "recovery", "verify", file, "-o", "json")
	require.Contains(t, out, `"key_trusted": false`)
	require.Contains(t, out, `"not_proven"`)
}

func TestAReportThatWasChangedOrSignedByAnotherIsAFinding(t *testing.T) {
	file, data := signedReport(t)
	other, err := installation.LoadOrCreate(t.TempDir())
	require.NoError(t, err)
	_, errs := pmctl(t, exitFinding, "recovery", "verify", file, "--key", string(other.ID()))
	require.Contains(t, errs, "not the trusted key "+string(other.ID()))

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for i := range text {
		bad := append([]byte(nil), text...)
		bad[i] ^= 1
		require.NoError(t, os.WriteFile(file, bad, 0o600))
		_, errs = pmctl(t, exitFinding, "recovery", "verify", file)
		require.Contains(t, errs, "report.json: changed since it was signed: signed was pm-recovery/1 of")
	}
	require.NoError(t, installation.SignFile(other, file, signature.OfFile(signature.OfReport, text[1:])))
	require.NoError(t, os.WriteFile(file, text[1:], 0o600))
	pmctl(t, exitFine, "recovery", "verify", file)
	_, errs = pmctl(t, exitFinding, "recovery", "verify", file, "--data", data)
	require.Contains(t, errs, "not the trusted key", "signed anew by somebody else")
	require.NoError(t, installation.SignFile(other, file, signature.OfLog("main", eventstore.Empty("main"))))
	_, errs = pmctl(t, exitFinding, "recovery", "verify", file)
	require.Contains(t, errs, "the signature is of something else: signed was pm-log/1 of portfolio", "a signature of something else")
}

func TestWithoutASignatureAReportCannotBeChecked(t *testing.T) {
	file, data := signedReport(t)
	side, err := os.ReadFile(file + ".sig")
	require.NoError(t, err)
	require.NoError(t, os.Remove(file+".sig"))
	_, errs := pmctl(t, exitFailed, "recovery", "verify", file)
	require.Contains(t, errs, "report.json is not signed")
	_, errs = pmctl(t, exitFailed, "recovery", "verify", file, "--data", data, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "report.json is not signed")
	out, _ := pmctl(t, exitFine, "recovery", "verify", file, "--data", data)
	require.Contains(t, out, "not proven: who wrote it")
	require.NoError(t, os.WriteFile(file+".sig", side[:len(side)-1], 0o600))
	_, errs = pmctl(t, exitFinding, "recovery", "verify", file)
	require.Contains(t, errs, signature.ErrSignature.Error())
	_, errs = pmctl(t, exitFailed, "recovery", "verify", filepath.Join(t.TempDir(), "none"))
	require.Contains(t, errs, "no such file")
	_, errs = pmctl(t, exitFailed, "recovery", "verify", file, "--key", "nonsense")
	require.Contains(t, errs, "--key nonsense")
}

func TestASignedReportIsNotJudgedByAFolderWithoutAKey(t *testing.T) {
	file, data := signedReport(t)
	require.NoError(t, os.Remove(installation.PublicFile(data)))
	out, _ := pmctl(t, exitFine, "recovery", "verify", file, "--data", data)
	require.Contains(t, out, "which is the trusted one ("+installation.PrivateFile(data)+")")
	require.NoError(t, os.RemoveAll(filepath.Dir(installation.PublicFile(data))))
	_, errs := pmctl(t, exitFailed, "recovery", "verify", file, "--data", data)
	require.Contains(t, errs, "there is no key of an installation")
	_, errs = pmctl(t, exitFailed, "recovery", "verify", file, "--data", filepath.Join(data, "mistyped"))
	require.Contains(t, errs, "there is no folder "+filepath.Join(data, "mistyped"))
	out, _ = pmctl(t, exitFine, "recovery", "verify", file, "--eventstore", "sqlite://"+filepath.Join(data, "log"))
	require.Contains(t, out, "not proven: who signed", "a log alone vouches for what it recorded, and for nobody")
}

func TestATornReportIsOneThatTheLogDoesNotKnow(t *testing.T) {
	file, data := signedReport(t)
	require.NoError(t, os.Remove(file+".sig"))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, n := range []int{0, 1, len(text) / 2, len(text) - 2} {
		require.NoError(t, os.WriteFile(file, text[:n], 0o600))
		_, errs := pmctl(t, exitFinding, "recovery", "verify", file, "--data", data)
		require.Contains(t, errs, "it belongs to another log, or was changed", "%d bytes", n)
	}
}
