"""DashVector's HTTP API, over the collections of `aigw rag`, which have the fields `raw`, `source` and `title`. Who
adds a document brings a text in `raw`. Each document of a request has its own code, such as -2027 for an id that is
taken. An update forgets the fields that it does not name.

Refused with -2031: several, named or sparse vectors, group by, rerank, order by, `is null` and `contain_any` in a
filter, and delete by a filter; with -2968: INT vectors. gRPC is not there. `ef`, `num_candidates` and `quantize_type`
change nothing."""
