"""The portal's composition root, its settings, and the floors that have no deliverable of their own."""
