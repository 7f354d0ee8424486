SELECT source AS bucket, replace(url_encode(key), '+', '%20') AS key, versionid
FROM version
WHERE state IN ('failed', 'claimed but absent', 'missing')
ORDER BY version.key, versionid
