//! What a replica must look like: ingest of events, inspection, verdict, report.
