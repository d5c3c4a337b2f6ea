module go_kad_dht

go 1.25
