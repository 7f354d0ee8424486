SELECT replace(url_encode(key), '+', '%20') AS key, versionid
FROM version
WHERE verdict IN ('no verdict', 'Uninspectable')
ORDER BY version.key, versionid
LIMIT 10000
