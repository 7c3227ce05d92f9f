"""What people read: plans, reports and their HTML."""
