//! CloudFormation's custom-resource protocol, for any resource.
