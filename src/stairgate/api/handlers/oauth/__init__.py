"""The endpoints that speak OAuth."""
