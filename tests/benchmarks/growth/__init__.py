"""How cost grows with size: bodies, streams, connections, routes, consumers, usage rows, cached answers, chunks."""
