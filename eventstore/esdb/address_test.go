package esdb_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

func TestAnAddressThatWouldSurpriseIsRefusedWithoutItsPassword(t *testing.T) {
	for address, want := range map[string]string{
		"esdb://pm:s3cret@store:2113?tls=false":             "user and password would not be sent with tls=false",
		"esdb://pm@store:2113":                              "a user without a password is not sent",
		"esdb://pm:s3cret@store:2113?tlsCAfiel=x":           `"tlsCAfiel" is no setting`,
		"esdb://pm:s3cret@store:2113?defaultDeadline=1":     `"defaultDeadline" is no setting`,
		"esdb://pm:s3cret@store:2113?maxDiscoverAttempts=9": "is no setting",
		"esdb://pm:s3cret@store:2113?userCertFile=x":        "both userCertFile and userKeyFile",
		"esdb://pm:s3cret@store:port":                       "it is not esdb://",
		"esdb://pm:s3cret@store/path":                       "it is not esdb://",
		"http://pm:s3cret@store":                            "it is not esdb://",
		"esdb://pm:s3cret@":                                 "it is not esdb://",
		"esdb://pm:s3%cret@store":                           "it is not esdb://",
		"esdb://pm:s3cret@store?%zz":                        "cannot be read",
		"esdb://pm:se?cret@store:2113":                      "write %3F for a ? in a password",
		"esdb://pm:se?tls=cret@store:2113":                  "write %3F for a ? in a password",
	} {
		err := esdb.Check(address)
		require.ErrorIs(t, err, esdb.ErrAddress, address)
		require.ErrorContains(t, err, want, address)
		require.NotContains(t, err.Error(), "cret", address)
		_, err = esdb.Open(t.Context(), address, logtest.Portfolio, quick())
		require.ErrorIs(t, err, esdb.ErrAddress, address)
	}
	for _, address := range []string{"esdb://store", "esdb://pm:s3cret@a:1,b:2,c:3", "esdb+discover://pm:s3cret@cluster", "esdb://127.0.0.1:2113?tls=false"} {
		require.NoError(t, esdb.Check(address), address)
	}
}

func TestARedactedAddressKeepsEverythingButThePassword(t *testing.T) {
	for address, want := range map[string]string{
		"esdb://pm:s3cret@a:1,b:2?tlsVerifyCert=true": "esdb://pm:[redacted]@a:1,b:2?tlsVerifyCert=true",
		"esdb://pm:s3:cr@et@a":                        "esdb://pm:[redacted]@a",
		"esdb://a?tls=false":                          "esdb://a?tls=false",
		"pm:s3cret@a":                                 "[redacted]",
		"esdb://pm:se?cret@a:1?tls=false":             "esdb://pm:[redacted]@a:1?tls=false",
		"esdb://pm:s3cret@a:1?tlsCaFile=/x@y":         "esdb://pm:[redacted]@y",
	} {
		require.Equal(t, want, esdb.Redacted(address))
	}
}

func TestCredentialsGoOverTLSAndAreJudgedByTheServer(t *testing.T) {
	certificate, file := selfSigned(t)
	s := esdbtest.Start(t, esdbtest.Options{User: "pm:s3cret", TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	address := s.URL() + "?tlsCaFile=" + url.QueryEscape(file)
	log, err := esdb.Open(t.Context(), address, logtest.Portfolio, quick())
	require.NoError(t, err)
	recs := logtest.Fill(t, log, 3)
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.NoError(t, log.Close())
	log, err = esdb.Open(t.Context(), strings.Replace(address, "esdb://", "esdb+discover://", 1), logtest.Portfolio, quick())
	require.NoError(t, err, "who leads is asked over TLS too")
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.NoError(t, log.Close())
	_, err = esdb.Open(t.Context(), strings.Replace(address, "s3cret", "wr0ng", 1), logtest.Portfolio, quick())
	require.ErrorContains(t, err, "the event store refuses")
	require.NotContains(t, err.Error(), "wr0ng")
	_, err = esdb.Open(t.Context(), s.URL(), logtest.Portfolio, quick())
	require.ErrorIs(t, err, esdb.ErrUnavailable, "a certificate that nobody vouches for")
	require.NotContains(t, err.Error(), "s3cret")
}

// selfSigned is a certificate for the loopback, and the file that vouches for it.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestAnAddressCanNameThePortfolio(t *testing.T) {
	for address, rest := range map[string]string{
		"esdb://a?portfolio=main":                                     "esdb://a",
		"esdb://a?tls=false&portfolio=main":                           "esdb://a?tls=false",
		"esdb://a?portfolio=main&tls=true&tlsVerifyCert=false":        "esdb://a?tls=true&tlsVerifyCert=false",
		esdb.WithPortfolio("esdb://a", "main"):                        "esdb://a",
		esdb.WithPortfolio("esdb://pm:s3cret@a:1,b?tls=true", "main"): "esdb://pm:s3cret@a:1,b?tls=true",
	} {
		got, portfolio := esdb.CutPortfolio(address)
		require.Equal(t, rest, got)
		require.Equal(t, domain.PortfolioID("main"), portfolio)
	}
	rest, none := esdb.CutPortfolio("esdb://a?tls=false")
	require.Equal(t, "esdb://a?tls=false", rest)
	require.Empty(t, none)
}
