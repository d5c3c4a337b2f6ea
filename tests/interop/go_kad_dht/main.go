// A DHT node built with go-libp2p, for tests/support/go_node.ts. It takes
// commands as lines of JSON and answers each with a line of JSON. With --amino
// it is a node of the public DHT, configured as kubo configures its own.
//
// Record and signature are written and checked here after the contract alone,
// without a line of the code under test.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/multiformats/go-multihash"
)

type command struct {
	Do      string `json:"do"`
	Address string `json:"address"`
	Key     string `json:"key"`
	URL     string `json:"url"`
}

type answer struct {
	Addresses []string `json:"addresses,omitempty"`
	PeerID    string   `json:"peer_id,omitempty"`
	Value     string   `json:"value,omitempty"`
	Peers     []string `json:"peers,omitempty"`
	Error     string   `json:"error,omitempty"`
}

const signatureContext = "phase-boot-record:1\n"

// canonical is RFC 8785 for what a record holds: text, whole numbers, sorted
// keys, no HTML escapes.
func canonical(fields map[string]any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(fields); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

func sign(key crypto.PrivKey, name, url string) ([]byte, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{
		"key":           name,
		"url":           url,
		"peer_id":       id.String(),
		"provider_name": "go <node> & co",
		"last_updated":  time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"version":       "go-1",
		"ttl":           60,
	}
	text, err := canonical(fields)
	if err != nil {
		return nil, err
	}
	signature, err := key.Sign(append([]byte(signatureContext), text...))
	if err != nil {
		return nil, err
	}
	delete(fields, "key")
	fields["sig"] = base64.StdEncoding.EncodeToString(signature)
	return json.Marshal(fields)
}

func verify(name string, value []byte) (time.Time, error) {
	var fields map[string]any
	if err := json.Unmarshal(value, &fields); err != nil {
		return time.Time{}, err
	}
	text := func(field string) string { s, _ := fields[field].(string); return s }
	signature, err := base64.StdEncoding.DecodeString(text("sig"))
	if err != nil {
		return time.Time{}, err
	}
	id, err := peer.Decode(text("peer_id"))
	if err != nil {
		return time.Time{}, err
	}
	public, err := id.ExtractPublicKey()
	if err != nil {
		return time.Time{}, err
	}
	delete(fields, "sig")
	fields["key"] = name
	signed, err := canonical(fields)
	if err != nil {
		return time.Time{}, err
	}
	valid, err := public.Verify(append([]byte(signatureContext), signed...), signature)
	if err != nil || !valid {
		return time.Time{}, errors.New("signature is not by peer_id")
	}
	return time.Parse(time.RFC3339, text("last_updated"))
}

type validator struct{}

func (validator) Validate(key string, value []byte) error {
	_, err := verify(key, value)
	return err
}

func (validator) Select(key string, values [][]byte) (int, error) {
	best, newest := 0, time.Time{}
	for i, value := range values {
		if at, err := verify(key, value); err == nil && at.After(newest) {
			best, newest = i, at
		}
	}
	return best, nil
}

func providerCid(key string) (cid.Cid, error) {
	hash, err := multihash.Sum([]byte(key), multihash.SHA2_256, -1)
	return cid.NewCidV1(cid.Raw, hash), err
}

func obey(ctx context.Context, node host.Host, kad *dht.IpfsDHT, c command) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	switch c.Do {
	case "connect":
		info, err := peer.AddrInfoFromString(c.Address)
		if err != nil {
			return answer{}, err
		}
		return answer{}, node.Connect(ctx, *info)
	case "put":
		value, err := sign(node.Peerstore().PrivKey(node.ID()), c.Key, c.URL)
		if err != nil {
			return answer{}, err
		}
		return answer{}, kad.PutValue(ctx, c.Key, value)
	case "get":
		value, err := kad.GetValue(ctx, c.Key)
		return answer{Value: string(value)}, err
	case "provide":
		id, err := providerCid(c.Key)
		if err != nil {
			return answer{}, err
		}
		return answer{}, kad.Provide(ctx, id, true)
	case "providers":
		id, err := providerCid(c.Key)
		if err != nil {
			return answer{}, err
		}
		infos, err := kad.FindProviders(ctx, id)
		found := answer{}
		for _, info := range infos {
			found.Peers = append(found.Peers, info.ID.String())
			for _, address := range info.Addrs {
				found.Addresses = append(found.Addresses, address.String())
			}
		}
		return found, err
	case "find":
		id, err := peer.Decode(c.Key)
		if err != nil {
			return answer{}, err
		}
		info, err := kad.FindPeer(ctx, id)
		return answer{Peers: []string{info.ID.String()}}, err
	case "table":
		found := answer{}
		for _, id := range kad.RoutingTable().ListPeers() {
			found.Peers = append(found.Peers, id.String())
		}
		return found, nil
	}
	return answer{}, errors.New("no such command: " + c.Do)
}

// aminoOptions are those of kubo's node on the wide area network
// (go-libp2p-kad-dht/dual), which is a server whoever reaches it.
func aminoOptions(node host.Host) []dht.Option {
	diversity := dht.NewRTPeerDiversityFilter(node, 2, 3)
	return []dht.Option{
		dht.Mode(dht.ModeServer),
		dht.QueryFilter(dht.PublicQueryFilter),
		dht.RoutingTableFilter(dht.PublicRoutingTableFilter),
		dht.RoutingTablePeerDiversityFilter(diversity),
		dht.AddressFilter(func(all []multiaddr.Multiaddr) []multiaddr.Multiaddr {
			return multiaddr.FilterAddrs(all, manet.IsPublicAddr)
		}),
	}
}

func run() error {
	ctx := context.Background()
	listen := flag.String("listen", "/ip4/127.0.0.1/tcp/0", "multiaddr")
	isAmino := flag.Bool("amino", false, "be a node of the public DHT")
	flag.Parse()
	node, err := libp2p.New(libp2p.ListenAddrStrings(*listen), libp2p.EnableAutoNATv2())
	if err != nil {
		return err
	}
	options := []dht.Option{
		dht.Mode(dht.ModeServer),
		// With the prefix /ipfs go-libp2p allows no namespace of others.
		dht.ProtocolPrefix("/phase"),
		dht.V1ProtocolOverride("/ipfs/kad/1.0.0"),
		dht.NamespacedValidator("phase", validator{}),
	}
	if *isAmino {
		options = aminoOptions(node)
	}
	kad, err := dht.New(ctx, node, options...)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	hello := answer{PeerID: node.ID().String()}
	for _, address := range node.Addrs() {
		hello.Addresses = append(hello.Addresses, address.String()+"/p2p/"+node.ID().String())
	}
	if err := out.Encode(hello); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		reply, err := obey(ctx, node, kad, c)
		if err != nil {
			reply.Error = err.Error()
		}
		if err := out.Encode(reply); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	if err := run(); err != nil {
		panic(err)
	}
}
