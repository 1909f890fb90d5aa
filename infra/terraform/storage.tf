resource "google_storage_bucket" "source" {
  #checkov:skip=CKV_GCP_62:read by Cloud Build only; its audit log says who wrote
  #checkov:skip=CKV_GCP_78:an archive's name holds its hash, so no object is ever overwritten
  name                        = "${var.project_id}-${local.prefix}-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # Archives are made from the code again at any time.
  force_destroy = true

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 90
    }
  }

  depends_on = [google_project_service.enabled]
}

# The hash in the name: changed code redeploys, unchanged code does not.
resource "google_storage_bucket_object" "source" {
  name   = "source-${filesha256(var.package_path)}.zip"
  bucket = google_storage_bucket.source.name
  source = var.package_path
}

resource "google_storage_bucket" "media" {
  #checkov:skip=CKV_GCP_62:access logs of a public video would hold its viewers' addresses
  #checkov:skip=CKV_GCP_78:objects are immutable and named after their video; soft delete brings a deleted one back
  #checkov:skip=CKV_GCP_114:the feed is public and a player sends no credentials
  name                        = "${var.project_id}-${local.prefix}-media"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "inherited"
  # A bucket with videos in it cannot be destroyed.
  force_destroy = false

  # Playing a film needs none of this; drawing it on a canvas, or a player written in JavaScript, does.
  cors {
    origin          = var.cors_allowed_origins
    method          = ["GET", "HEAD"]
    response_header = ["Accept-Ranges", "Content-Length", "Content-Range", "Content-Type", "ETag"]
    max_age_seconds = 7200
  }

  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  # What a worker that was killed left behind. A job lives two hours.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 2
      matches_prefix = ["incoming/", "veo/"]
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  depends_on = [google_project_service.enabled]
}

# Reads single objects and cannot list: the address of an unfinished video stays unknown.
resource "google_storage_bucket_iam_member" "media_is_public" {
  #checkov:skip=CKV_GCP_28:single objects only, for the same reason as CKV_GCP_114
  bucket = google_storage_bucket.media.name
  role   = "roles/storage.legacyObjectReader"
  member = "allUsers"
}

resource "google_storage_bucket_iam_member" "media_of_family" {
  for_each = { for family, rights in local.families : family => rights if rights.bucket_role != "" }

  bucket = google_storage_bucket.media.name
  role   = each.value.bucket_role
  member = google_service_account.family[each.key].member
}
