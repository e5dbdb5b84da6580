// The command registry is an OCI registry on loopback that has the referrers API: what Assay's tests and demo push to.
// It keeps everything in memory and ends with its parent's signal.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	address := flag.String("address", "127.0.0.1:0", "loopback address to listen on; port 0 lets the kernel choose")
	referrers := flag.Bool("referrers", true, "serve the OCI 1.1 referrers API; without it clients use the fallback tag")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	// The one line that the parent reads: where it listens.
	fmt.Println(listener.Addr().String())
	log.Fatal(http.Serve(listener, registry.New(registry.WithReferrersSupport(*referrers))))
}
