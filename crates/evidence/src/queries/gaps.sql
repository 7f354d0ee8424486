SELECT state, key, versionid, source, destination
FROM version
WHERE state NOT IN ('compliant', 'not covered', 'no replica')
ORDER BY state, key, versionid
